namespace EndToEnd;

/// <summary>A load: so many connections, each with so many messages of a size under way.</summary>
internal sealed record Scenario(
    string Name,
    int Connections,
    int InFlight,
    int Size,
    bool IsText,
    Deflate Deflate = Deflate.None,
    bool IsJson = false
)
{
    public static readonly Scenario[] All =
    [
        new("lat1", 1, 1, 16, false),
        new("e125", 64, 1, 125, true),
        new("p125", 64, 16, 125, true),
        new("m64k", 16, 1, 65_536, false),
        new("m1m", 4, 1, 1_048_576, false),
        new("defl", 64, 1, 1_024, true, Deflate.Takeover),
        new("deflnc", 64, 1, 1_024, true, Deflate.NoContext),
    ];
}

/// <summary>Whether and how messages are compressed.</summary>
internal enum Deflate
{
    None,

    /// <summary>With reference to earlier messages.</summary>
    Takeover,

    /// <summary>Each by itself.</summary>
    NoContext,
}
