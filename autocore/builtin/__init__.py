"""What every gateway has beside the core: built from the core's parts, named by nothing in them."""
