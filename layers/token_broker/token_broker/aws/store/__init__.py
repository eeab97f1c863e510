"""Keep all stored data in one DynamoDB table."""
