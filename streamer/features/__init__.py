"""Numbers that describe the sound: MFCC rows, computed as the samples come in."""
