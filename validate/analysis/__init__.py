"""Takes in any model: a built-in one, one of torchvision's or timm's, one of the user's own."""
