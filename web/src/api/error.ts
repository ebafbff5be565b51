// What somebody else has made of a thing while one was about to change it (412): the thing as it is now, with its version.
export interface Theirs {
  current: object;
  etag: string;
}

// A refusal of the platform; status 0 and reason "no-answer" where none came.
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly reason: string,
    message: string,
    readonly theirs?: Theirs,
  ) {
    super(message);
  }
}
