"""Where a business's redemption page lives besides the installation's own address."""
