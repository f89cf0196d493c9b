"""Whether the broker is blind: words are planted in what members say, and looked for everywhere between them."""
