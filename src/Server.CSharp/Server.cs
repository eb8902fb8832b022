namespace FunctionalWs;

/// <summary>Accepts WebSocket connections.</summary>
public sealed class Server { }
