"""Words of our own for what the line learned to say lately, so that content written before that still speaks.

A prompt of the pharmacy's own always comes first, and `ivr check` remarks on each that is said in these words.
"""

from __future__ import annotations

from collections.abc import Mapping

SPARE: Mapping[str, Mapping[str, str]] = {
    "en": {
        "known_as_of": "What I can tell you now was so at {{ as_of | clock_time }}.",
        "away_emergency": (
            'In an emergency, hang up and dial 911. For Poison Help, dial {{ "8002221222" | toll_free '
            "}}. If you think of hurting yourself, dial 988. This is {{ pharmacy }}. Sorry, our phone "
            "system is not working now."
        ),
        "away_hours": ("We are open {{ week | week }}."),
        "away_holidays": ("We are closed on some holidays."),
        "away_ringing": ("Please hold, and we ring the pharmacy. Nobody answers there when we are closed."),
        "away_on_call": (
            "If you have talked with somebody, you can hang up now. If it can wait until we open, "
            "please hang up and call then. If you need a pharmacist right now, please hold, and we ring "
            "the one on call."
        ),
        "away_nobody": (
            "If nobody could help you, we are sorry. In an emergency, hang up and dial 911. If not, "
            "please call again when we are open."
        ),
        "away_staff": (
            "The phone system is not working now. Calls may come to the phone of the pharmacy. Please answer it."
        ),
        "not_understood": "Sorry, I did not understand. Please use the keys.",
        "safety_question": (
            "Is someone hurt or in danger right now? If yes, press 1 or say yes. If not, press 2 or say no."
        ),
        "emergency_heard": (
            "That sounds serious. I am getting you a person right now. If a life is in danger, hang up and dial 911."
        ),
        "slower_now": "All right. I will speak more slowly from now on.",
        "code_text": (
            "{{ pharmacy }}: your code is {{ code }}. Please key it in on the call you are on. "
            "If you did not ask for it, you can leave this message alone."
        ),
        "page_text": "{{ pharmacy }}: an emergency call was not answered. Please see the urgent task at once.",
        "page_message_text": "{{ pharmacy }}: a message may be an emergency. Please see the urgent task at once.",
        "person_knows_more": "A person can tell you more.",
        "callback_number_unclear": "Sorry, that is not a whole number. We need ten digits, area code first.",
        "callback_number_premium": "Sorry, we cannot call that kind of number.",
        "callback_number_abroad": "Sorry, we cannot call that country.",
        "callback_number_emergency": (
            "That is an emergency number, and we cannot call it for you. In an emergency, hang up and dial 911."
        ),
        "callback_number_ours": "Sorry, that is our own number.",
        "callback_when_open": (
            "We are closed now. We open {{ opens_day | day }} at {{ opens_at | clock_time }}, and call you then."
        ),
        "callback_from": (
            "Thank you. You keep your place in line. We will call you on {{ on_day | day }}, after {{ from_time | "
            "clock_time }}."
        ),
        "callback_at": (
            "Thank you. We will call you on {{ on_day | day }}, between {{ from_time | clock_time }} and {{ until "
            "| clock_time }}."
        ),
        "callback_in_turn": "To be called in your turn, press 1, or just hang up.",
        "callback_window": (
            "For {{ on_day | day }}, from {{ from_time | clock_time }} to {{ until | clock_time }}, press {{ key }}."
        ),
        "callback_found": (
            "Somebody with your number is in line already. If that is you, and it is about the same thing, press "
            "1. If not, press 2."
        ),
        "callback_place": "You are in line already. You are number {{ position }}, and we will call you.",
        "callback_on_another_phone": "You are in line on another phone already, at number {{ position }}.",
        "callback_wait_here": "To wait here with the same place, press 1.",
        "callback_choices": (
            "To wait on the line now, press 1. For another time, 2. For another number, 3. To cancel the call, 4. "
            "To keep it as it is, just hang up."
        ),
        "callback_stands": "All right. We will call you as we said. Goodbye.",
        "callback_cancelled": "We will not call you back. Call us whenever you need us. Goodbye.",
        "callback_under_way": "We are calling you back right now. Please hang up, and answer your phone. Goodbye.",
        "callback_place_moved": "Your place in line is on your other phone now. Goodbye.",
        "callback_hello_nameless": "Hello. We are returning a call. If you asked us to call, press 1.",
        "callback_joining": "Thank you. We are getting the person who has your call.",
        "callback_message": "This is {{ pharmacy }}. Please call us back at {{ number | phone }}. Goodbye.",
        "callback_message_nameless": "Please call us back at {{ number | phone }}. Goodbye.",
        "agent_not_reached": "They did not answer. We will try again later. Thank you. Goodbye.",
        "recording_ask": "May we record this call? If yes, press 1. If no, press 2.",
        "talk_on_hold": "Please hold for a moment. You have not lost your place.",
        "talk_back": "Thank you for holding.",
        "talk_passed_on": "We are passing you on to somebody who can help you. You keep your place in line.",
        "agent_menu": (
            "The caller is on hold. To go back to the caller, press 1. For a pharmacist, press 2. For another "
            "queue, press 3. To ask a colleague, press 4. To pause the recording, or go on with it, press 5. To "
            "hear this again, press 9."
        ),
        "agent_menu_colleague": (
            "The caller is on hold. To go back to the caller alone, press 1. For your colleague, press 4. For all "
            "three together, press 6. To hand the caller over, hang up. To hear this again, press 9."
        ),
        "agent_choice": "For {{ who }}, press {{ key }}.",
        "agent_ringing": "Ringing. To go back to the caller, press 1.",
        "agent_nobody_free": "Nobody is free just now.",
        "agent_not_taken": "They did not take the call.",
        "agent_colleague_left": "Your colleague has left.",
        "agent_consult": (
            "{{ who }} asks for your help with a call. {{ queue }}. Caller: {{ kind | words }}. About: {{ why | "
            "words }}. To talk to {{ who }}, press 1."
        ),
        "agent_consult_outside": "{{ pharmacy }} would like to talk with you about a caller. To talk, press 1.",
        "agent_consult_over": "You are not needed any more. Thank you.",
        "agent_supervise": "{{ who }} is talking with a caller. {{ queue }}. To join the call, press 1.",
        "agent_left": "You have left the call.",
        "agent_passed_on": "The caller has been passed on. Thank you.",
        "agent_reminder": "The caller has been on hold for {{ minutes | minutes }}.",
        "agent_not_recorded": "This call is not recorded.",
        "agent_recording_on": "The recording goes on.",
        "agent_recording_paused": "The recording is paused.",
        "agent_cannot": "That cannot be done now.",
        "agent_code_ask": "What came of it?",
        "agent_code": "{{ title }}: {{ key }}.",
        "agent_code_thanks": "Thank you. Goodbye.",
        "agent_code_later": "All right. Please give the code later. Goodbye.",
    },
    "es": {
        "known_as_of": "Lo que puedo decirle ahora era así a {{ as_of | clock_time }}.",
        "away_emergency": (
            "En una emergencia, cuelgue y marque el 911. Para el centro de envenenamientos, marque el "
            '{{ "8002221222" | toll_free }}. Si piensa en hacerse daño, marque el 988. Esta es {{ '
            "pharmacy }}. Disculpe, nuestro sistema telefónico no funciona ahora."
        ),
        "away_hours": ("Abrimos {{ week | week }}."),
        "away_holidays": ("Algunos días festivos estamos cerrados."),
        "away_ringing": ("Espere, por favor, y llamamos a la farmacia. Cuando está cerrada, nadie contesta."),
        "away_on_call": (
            "Si ya habló con alguien, puede colgar. Si puede esperar hasta que abramos, cuelgue y llame "
            "entonces. Si necesita un farmacéutico ahora mismo, espere, y llamamos al que está de "
            "guardia."
        ),
        "away_nobody": (
            "Si nadie le pudo ayudar, disculpe. En una emergencia, cuelgue y marque el 911. Si no, "
            "llame otra vez cuando abramos."
        ),
        "away_staff": (
            "El sistema telefónico no funciona ahora. Puede haber llamadas en el teléfono de la "
            "farmacia. Contéstelo, por favor."
        ),
        "not_understood": "Disculpe, no entendí. Por favor, use las teclas.",
        "safety_question": (
            "¿Hay alguien herido o en peligro en este momento? "
            "Si es así, oprima el uno o diga sí. Si no, oprima el dos o diga no."
        ),
        "emergency_heard": (
            "Parece algo serio. Le comunico con una persona ahora mismo. "
            "Si hay una vida en peligro, cuelgue y marque el 911."
        ),
        "slower_now": "Está bien. A partir de ahora voy a hablar más despacio.",
        "code_text": (
            "{{ pharmacy }}: su código es {{ code }}. Márquelo en la llamada que está haciendo. "
            "Si usted no lo pidió, no haga caso de este mensaje."
        ),
        "page_text": "{{ pharmacy }}: nadie contestó una llamada de emergencia. Vea la tarea urgente ahora mismo.",
        "page_message_text": "{{ pharmacy }}: un mensaje puede ser una emergencia. Vea la tarea urgente ahora mismo.",
        "person_knows_more": "Una persona puede decirle más.",
        "callback_number_unclear": (
            "Disculpe, ese número no está completo. Necesitamos diez cifras, primero el código de área."
        ),
        "callback_number_premium": "Disculpe, no podemos llamar a ese tipo de número.",
        "callback_number_abroad": "Disculpe, no podemos llamar a ese país.",
        "callback_number_emergency": (
            "Ese es un número de emergencias y no podemos llamarlo por usted. En una emergencia, cuelgue y marque "
            "el 911."
        ),
        "callback_number_ours": "Disculpe, ese es nuestro propio número.",
        "callback_when_open": (
            "Ahora está cerrado. Abrimos el {{ opens_day | day }} a {{ opens_at | clock_time }} y entonces le llamamos."
        ),
        "callback_from": (
            "Gracias. Usted conserva su lugar en la fila. Le llamaremos el {{ on_day | day }}, después de {{ "
            "from_time | clock_time }}."
        ),
        "callback_at": (
            "Gracias. Le llamaremos el {{ on_day | day }}, entre {{ from_time | clock_time }} y {{ until | "
            "clock_time }}."
        ),
        "callback_in_turn": "Para que le llamemos cuando sea su turno, oprima el uno o cuelgue.",
        "callback_window": (
            "Para el {{ on_day | day }}, de {{ from_time | clock_time }} a {{ until | clock_time }}, oprima el {{ "
            "key }}."
        ),
        "callback_found": (
            "Alguien con su número ya está en la fila. Si es usted y es por lo mismo, oprima el uno. Si no, "
            "oprima el dos."
        ),
        "callback_place": "Usted ya está en la fila. Su lugar es el número {{ position }} y le llamaremos.",
        "callback_on_another_phone": "Usted ya está en la fila en otro teléfono, en el lugar {{ position }}.",
        "callback_wait_here": "Para esperar aquí con el mismo lugar, oprima el uno.",
        "callback_choices": (
            "Para esperar ahora en la línea, oprima el uno. Para otra hora, el dos. Para otro número, el tres. "
            "Para cancelar la llamada, el cuatro. Para dejar todo igual, cuelgue."
        ),
        "callback_stands": "Está bien. Le llamaremos como quedamos. Adiós.",
        "callback_cancelled": "No le llamaremos. Llámenos cuando nos necesite. Adiós.",
        "callback_under_way": (
            "Le estamos llamando en este momento. Por favor, cuelgue y conteste su teléfono. Adiós."
        ),
        "callback_place_moved": "Su lugar en la fila está ahora en su otro teléfono. Adiós.",
        "callback_hello_nameless": (
            "Hola. Le devolvemos una llamada. Si usted pidió que le llamáramos, oprima el uno."
        ),
        "callback_joining": "Gracias. Le comunicamos con la persona que tiene su llamada.",
        "callback_message": "Le llama {{ pharmacy }}. Por favor, llámenos al {{ number | phone }}. Adiós.",
        "callback_message_nameless": "Por favor, llámenos al {{ number | phone }}. Adiós.",
        "agent_not_reached": "No contestó. Lo intentaremos más tarde. Gracias. Adiós.",
        "recording_ask": "¿Podemos grabar esta llamada? Si está de acuerdo, oprima el uno. Si no, oprima el dos.",
        "talk_on_hold": "Por favor, espere un momento. No ha perdido su lugar.",
        "talk_back": "Gracias por esperar.",
        "talk_passed_on": "Le pasamos con otra persona que puede ayudarle. Conserva su lugar en la fila.",
        "agent_menu": (
            "La persona que llama está en espera. Para volver con ella, oprima el uno. Para un farmacéutico, "
            "oprima el dos. Para otra fila, oprima el tres. Para consultar a un colega, oprima el cuatro. Para "
            "pausar la grabación, o seguir con ella, oprima el cinco. Para oír esto otra vez, oprima el nueve."
        ),
        "agent_menu_colleague": (
            "La persona que llama está en espera. Para volver a solas con ella, oprima el uno. Para su colega, "
            "oprima el cuatro. Para hablar los tres, oprima el seis. Para entregar la llamada, cuelgue. Para oír "
            "esto otra vez, oprima el nueve."
        ),
        "agent_choice": "Para {{ who }}, oprima {{ key }}.",
        "agent_ringing": "Llamando. Para volver con la persona que llama, oprima el uno.",
        "agent_nobody_free": "Nadie está libre en este momento.",
        "agent_not_taken": "No atendieron la llamada.",
        "agent_colleague_left": "Su colega ya se fue.",
        "agent_consult": (
            "{{ who }} pide su ayuda con una llamada. {{ queue }}. Para hablar con {{ who }}, oprima el uno."
        ),
        "agent_consult_outside": (
            "{{ pharmacy }} quiere hablar con usted sobre una llamada. Para hablar, oprima el uno."
        ),
        "agent_consult_over": "Ya no hace falta. Gracias.",
        "agent_supervise": "{{ who }} habla con una persona que llama. {{ queue }}. Para unirse, oprima el uno.",
        "agent_left": "Ha salido de la llamada.",
        "agent_passed_on": "La persona que llamaba ya pasó con otra persona. Gracias.",
        "agent_reminder": "La persona que llama lleva en espera {{ minutes | minutes }}.",
        "agent_not_recorded": "Esta llamada no se graba.",
        "agent_recording_on": "La grabación sigue.",
        "agent_recording_paused": "La grabación está en pausa.",
        "agent_cannot": "Eso no se puede hacer ahora.",
        "agent_code_ask": "¿En qué quedó?",
        "agent_code": "{{ title }}: {{ key }}.",
        "agent_code_thanks": "Gracias. Adiós.",
        "agent_code_later": "De acuerdo. Dé el código más tarde. Adiós.",
    },
}
