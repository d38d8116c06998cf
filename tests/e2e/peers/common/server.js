// A STUN or TURN server's URL, taken apart (RFC 7064, RFC 7065). Null when it is none.

const PORTS = { stun: 3478, turn: 3478, stuns: 5349, turns: 5349 };

export function parseIceUrl(url) {
  const [, scheme, host, , port, , transport] =
    /^(stuns?|turns?):([^:?[\]]+|\[[^\]]+\])(:(\d+))?(\?transport=(udp|tcp))?$/.exec(url) ?? [];
  if (!scheme) return null;
  const tls = scheme.endsWith("s");
  return { url, turn: scheme.startsWith("turn"), tls, host, port: Number(port ?? PORTS[scheme]), transport: transport ?? (tls ? "tcp" : "udp") };
}
