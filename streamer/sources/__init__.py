"""Audio in: the microphone, files and standard input, all as 16 kHz mono int16 on one timeline."""
