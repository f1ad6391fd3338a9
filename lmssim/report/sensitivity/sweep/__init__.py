"""What a sweep shows: text on the terminal, figures, and the page that holds them."""
