// What is heard and said aloud: synthesized words, hold music, key tones, and the microphone where there is one.
// One phone at a time is at the ear; the others are silent.

const RATE = 1.05;
const MUSIC_VOLUME = 0.3;
const KEPT = "rxline-sound";

// Reading is about twice as fast as listening, so a muted line need not take its time.
const MUTED_PACE = 0.5;

export class Voice {
  #ear = null;
  #music = null;
  #recording = null;
  #tones = new Tones();

  constructor() {
    this.on = localStorage.getItem(KEPT) !== "off";
  }

  get pace() {
    return this.on ? 1 : MUTED_PACE;
  }

  turn(on) {
    this.on = on;
    localStorage.setItem(KEPT, on ? "on" : "off");
    if (!on) this.#silence();
  }

  putToEar(phone) {
    if (this.#ear === phone) return;
    this.#silence();
    this.#ear = phone;
  }

  // `bubble` is marked while its words are spoken.
  say(phone, line, bubble) {
    if (!this.#hears(phone)) return;
    if (line.recording) this.#playWords(line.recording, bubble);
    else if (window.speechSynthesis) speechSynthesis.speak(utterance(line, bubble));
  }

  #playWords(url, bubble) {
    this.#recording?.pause();
    this.#recording = new Audio(url);
    this.#recording.onplay = () => bubble.classList.add("speaking");
    this.#recording.onended = this.#recording.onpause = () => bubble.classList.remove("speaking");
    this.#recording.play().catch(() => {}); // a browser that plays nothing before the first click
  }

  // Talking over the line: a key or a word ends what is being said, as on a real one.
  hush(phone) {
    if (this.#ear === phone) this.#stopWords();
  }

  #stopWords() {
    window.speechSynthesis?.cancel();
    this.#recording?.pause();
    this.#recording = null;
  }

  play(phone, url) {
    const wanted = this.#hears(phone) && typeof url === "string" ? url : null;
    if (this.#music?.src === wanted) return;
    this.#music?.pause();
    this.#music = wanted && new Audio(wanted);
    if (!wanted) return;
    this.#music.loop = true;
    this.#music.volume = MUSIC_VOLUME;
    this.#music.play().catch(() => {}); // a browser that plays nothing before the first click
  }

  beep(phone) {
    if (this.#hears(phone)) this.#tones.beep();
  }

  tone(key) {
    if (this.on) this.#tones.sound(key);
  }

  #hears(phone) {
    return this.on && this.#ear === phone;
  }

  #silence() {
    this.#stopWords();
    this.#music?.pause();
    this.#music = null;
  }
}

function utterance({ text, language, rate = 1 }, bubble) {
  const words = new SpeechSynthesisUtterance(text);
  words.lang = language;
  words.rate = RATE * rate;
  words.voice = voiceFor(language);
  words.onstart = () => bubble.classList.add("speaking");
  words.onend = words.onerror = () => bubble.classList.remove("speaking");
  return words;
}

function voiceFor(language) {
  const voices = speechSynthesis.getVoices();
  const near = voices.filter((voice) => voice.lang.slice(0, 2) === language.slice(0, 2));
  return near.find((voice) => voice.lang.replace("_", "-") === language) ?? near[0] ?? null;
}

const ROWS = ["123", "456", "789", "*0#"];
const LOW = [697, 770, 852, 941];
const HIGH = [1209, 1336, 1477];
const TONE_SECONDS = 0.12;
const BEEP = 1000;
const BEEP_SECONDS = 0.4;

class Tones {
  #context = null;

  sound(key) {
    const row = ROWS.findIndex((keys) => keys.includes(key));
    this.#together([LOW[row], HIGH[ROWS[row].indexOf(key)]], TONE_SECONDS);
  }

  beep() {
    this.#together([BEEP], BEEP_SECONDS);
  }

  #together(frequencies, seconds) {
    if (!window.AudioContext) return;
    this.#context ??= new AudioContext();
    for (const frequency of frequencies) this.#one(frequency, seconds);
  }

  #one(frequency, seconds) {
    const [wave, gain] = [this.#context.createOscillator(), this.#context.createGain()];
    const end = this.#context.currentTime + seconds;
    wave.frequency.value = frequency;
    gain.gain.setValueAtTime(0.04, this.#context.currentTime);
    gain.gain.linearRampToValueAtTime(0, end);
    wave.connect(gain).connect(this.#context.destination);
    wave.start();
    wave.stop(end);
  }
}

const Recognition = window.SpeechRecognition ?? window.webkitSpeechRecognition;

export const canListen = Boolean(Recognition);

// Takes one utterance from the microphone; `over` is called at its end, with words or without.
export function listen(language, take, over) {
  const ear = new Recognition();
  ear.lang = language;
  ear.onresult = (heard) => take(heard.results[0][0].transcript);
  ear.onend = over;
  ear.start();
  return ear;
}
