/** What the API returns. docs/reference/token.md and docs/reference/errors.md describe each member. */

/** How a frontend sends a token. `url` is absent for a provider's SDK. */
export interface Use {
  in: "header" | "query" | "sdk";
  name: string;
  url?: string;
}

export interface Token {
  provider: string;
  merchant: string;
  tokenId: string;
  accessToken: string;
  tokenType: string;
  scope: string[];
  issuedAt: number;
  expiresAt: number | null;
  subject: string;
  use: Use;
  providerData: Record<string, unknown>;
  title?: string;
}

export interface Problem {
  code: string;
  status: number;
  retryable: boolean;
  title?: string;
  detail?: string;
  requestId?: string;
}
