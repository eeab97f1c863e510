"""Write each made page."""

from reference_pages import python_client, routes

for made in (routes, python_client):
    made.PAGE.write_text(made.page())
