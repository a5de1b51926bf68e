"""What networks are made of: products with hand-written gradients, attention, tables of symbols."""
