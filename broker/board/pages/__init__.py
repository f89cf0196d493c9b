"""The board's pages, served by its node: what a scrutineer, a second auditor, a business manager and an operator see."""
