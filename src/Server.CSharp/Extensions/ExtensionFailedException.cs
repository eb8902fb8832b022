namespace FunctionalWs;

/// <summary>An extension threw: a fault of its own, not the peer's. Users never see it, but what was thrown, its cause.</summary>
/// <param name="extension">The extension's name.</param>
/// <param name="method">Which of its methods.</param>
/// <param name="error">What it threw.</param>
internal sealed class ExtensionFailedException(string extension, string method, Exception error)
    : Exception(Invariant($"The {method} of the extension {extension} failed."), error)
{
    public string Extension => extension;

    public string Method => method;

    /// <summary>What it threw.</summary>
    public Exception Error => InnerException!;
}
