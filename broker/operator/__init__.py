"""For the person who keeps an exchange running: what stands how, what needs doing, and what a service manager starts."""
