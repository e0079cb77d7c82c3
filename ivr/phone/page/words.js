// How things are said: numbers, lengths of time, and the line's own codes in plain words.

export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(whole % 60).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

export function within(seconds) {
  if (seconds === 0) return "now";
  if (seconds < 60) return `within ${seconds} s`;
  if (seconds < 3600) return `within ${trimmed(seconds / 60)} min`;
  return `within ${trimmed(seconds / 3600)} h`;
}

function trimmed(number) {
  return String(Math.round(number * 10) / 10);
}

export function ordinal(number) {
  const tens = Math.floor(number / 10) % 10;
  const ending = tens === 1 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${ending}`;
}

export function phoneNumber(number) {
  const american = /^\+1(\d{3})(\d{3})(\d{4})$/.exec(number);
  return american ? `(${american[1]}) ${american[2]}-${american[3]}` : number.replace(/^(sip|client):/, "");
}

export function plain(code) {
  return String(code).replaceAll("_", " ");
}

export function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function listed(words) {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} and ${words.at(-1)}` : words.join("");
}

export function initials(name) {
  const words = name.replace(/^Dr\.?\s+/, "").split(/\s+/);
  return words
    .slice(0, 2)
    .map((word) => word.charAt(0))
    .join("")
    .toUpperCase();
}

const STATES = {
  eligible: "can be refilled",
  too_soon: "too early to refill",
  no_refills: "no refills left",
  expired: "has expired",
  pa_pending: "waits for the insurer",
  pa_required: "needs the insurer's consent",
  pa_denied: "refused by the insurer",
  out_of_stock: "out of stock",
  quantity_limited: "quantity limited",
  schedule_ii: "needs a new prescription each time",
  clinical_hold: "held by a pharmacist",
  payment_blocked: "payment failed",
  already_in_process: "refill under way",
  rx_cancelled: "cancelled",
  transferred_out: "moved to another pharmacy",
  coverage_problem: "coverage problem",
  address_check: "address to be checked",
  awaiting_provider: "waits for the prescriber",
  sent: "sent to us",
  received: "order received",
  processing: "order being prepared",
  shipped: "on its way",
  ready: "ready",
  delivered: "delivered",
  delayed: "delivery late",
  blocked_on_patient: "waits for the patient",
  cancelled: "order cancelled",
};

export function prescriptionState(state) {
  return STATES[state] ?? plain(state);
}

const LANGUAGES = new Intl.DisplayNames(["en"], { type: "language" });

export function language(code) {
  return LANGUAGES.of(code.split("-")[0]);
}
