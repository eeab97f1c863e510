"""Keep everything in one DynamoDB table."""
