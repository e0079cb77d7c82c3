"""The practice phone: an exchange that plays Twilio against the product over real HTTP, and phones to hold.

It knows the product only as Twilio does, by its webhooks and its REST requests. From the outside inwards:

    dial, page             a phone in the terminal, a phone in the browser
    script, script_format  written calls: what a pharmacist writes, and how it runs; expectations, telling
    client                 the handset API from the outside
    server, __main__       the process: the doors below on one port of this machine
    handset                what a person can do with a phone; every kind of transcript line is listed there
    rest, rest_line,       Twilio's REST API (rest_asked reads it strictly, rest_shapes writes it)
    rest_recordings
    exchange               every leg, queue and conference, and who rings whom
    twiml, stage           runs a leg's documents; the verbs are in sounds, questions, queues, dialing;
                           conferences
    lint                   what Twilio would complain about in a document, or silently ignore
    webhook, courier       asks the product, as patiently as the URL says; delivers what nobody waits for
    connecting, later      connections that are kept; what is to happen a while from now
    leg, transcript        one party's connection, and what it hears
    ringing, machines      what a phone does by itself; voicemail and screening, and what Twilio takes them for
    recordings,            what is kept of what was said, paused or not; what Twilio reads out of it
    transcription
    numbers, files         our lines and staff, from the pharmacy's files
    faults                 what goes wrong on purpose
"""
