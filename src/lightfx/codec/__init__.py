"""Floor 2: values to strict JSON and back."""
