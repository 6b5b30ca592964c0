"""The rejected rows: `retail rejects` exports them, `retail load --replace-rejected` takes the repaired ones back."""
