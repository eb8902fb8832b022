namespace FunctionalWs;

/// <summary>What a thread does at a place where it meets others: two uses of it can be in either order unless both only look.</summary>
internal enum Access
{
    /// <summary>It looks.</summary>
    Read,

    /// <summary>It changes something, or tries to take a lock.</summary>
    Write,

    /// <summary>It takes a lock, and waits for it.</summary>
    Enter,

    /// <summary>It gives a lock back.</summary>
    Leave,

    /// <summary>It adds to a stream; whether somebody takes from it before or after makes no difference.</summary>
    Put,

    /// <summary>It takes from a stream, and waits for what it takes.</summary>
    Take,
}
