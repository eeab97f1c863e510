"""Write each made page."""

from pages import routes

routes.PAGE.write_text(routes.page())
