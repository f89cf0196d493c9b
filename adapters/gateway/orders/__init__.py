"""The router's orders, judged each by itself before anything is granted."""
