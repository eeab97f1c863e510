"""The faults that the server can inject: into the connection, instead of the response, or into the response."""
