"""Where an export comes from: trained models, and the Transform graph and schema beside them."""
