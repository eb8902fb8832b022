namespace FunctionalWs.Testing;

/// <summary>Which of the two ways between a client and the server.</summary>
public enum StreamDirection
{
    /// <summary>What the client writes and the server reads.</summary>
    ToServer,

    /// <summary>What the server writes and the client reads.</summary>
    ToClient,
}
