"""Words of our own for what the line learned to say lately, so that content written before that still speaks.

A prompt of the pharmacy's own always comes first, and `ivr check` remarks on each that is said in these words.
"""

from __future__ import annotations

from collections.abc import Mapping

SPARE: Mapping[str, Mapping[str, str]] = {
    "en": {
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
        "person_knows_more": "A person can tell you more.",
        "agent_code_ask": "What came of it?",
        "agent_code": "{{ title }}: {{ key }}.",
        "agent_code_thanks": "Thank you. Goodbye.",
        "agent_code_later": "All right. Please give the code later. Goodbye.",
    },
    "es": {
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
        "person_knows_more": "Una persona puede decirle más.",
        "agent_code_ask": "¿En qué quedó?",
        "agent_code": "{{ title }}: {{ key }}.",
        "agent_code_thanks": "Gracias. Adiós.",
        "agent_code_later": "De acuerdo. Dé el código más tarde. Adiós.",
    },
}
