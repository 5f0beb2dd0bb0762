"""What files may be attached, how they are recognised, and what is taken out of them before they are kept."""
