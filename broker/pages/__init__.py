"""The toolkit of every page that Handrail shows: layout, sign-in, sessions, protection of forms, limits, charts.

It knows no board and no gateway. An application brings its own pages, and a table that says which role sees which.
"""
