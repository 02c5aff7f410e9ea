"""What every peer computes that gives MFCC rows: those that the bundled model hears; a test compares them."""

WINDOW_SAMPLES, HOP_SAMPLES, FFT_SIZE = 400, 160, 512
NUM_FILTERS, NUM_CEPSTRA, LIFTER = 40, 16, 22
LOW_HZ, HIGH_HZ = 60, 8000
PREEMPHASIS = 0.97
