"""The blind router: verifies, decides on tokens, classes and areas, and says each thing once, in order."""
