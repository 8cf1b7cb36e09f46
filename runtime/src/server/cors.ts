/** What browsers must be allowed to send and see: input for the CORS middleware of a server framework. */
export const cors: {
  allowedMethods: readonly string[];
  allowedHeaders: readonly string[];
  exposedHeaders: readonly string[];
} = {
  /** POST for every call, GET for calls without side effects. */
  allowedMethods: ["POST", "GET"],
  allowedHeaders: [
    "Content-Type",
    "Connect-Protocol-Version",
    "Connect-Timeout-Ms",
    "Grpc-Timeout",
    "X-Grpc-Web",
    "X-User-Agent",
  ],
  /** gRPC-Web may carry its status in headers. */
  exposedHeaders: ["Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"],
};
