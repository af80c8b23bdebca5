"""Loading a model in processes of its own: what is loaded here may crash, hang or eat memory."""
