namespace FunctionalWs;

/// <summary>Puts hooks for requests together.</summary>
public static class ProcessRequestExtensions
{
    /// <summary>
    /// One hook after the other: the second is asked when the first returns null. So authentication can come before routing.
    /// </summary>
    /// <param name="first">Asked for every request.</param>
    /// <param name="next">Asked about what the first lets pass.</param>
    /// <returns>A hook that returns the first response that one of them gives.</returns>
    public static ProcessRequest Then(this ProcessRequest first, ProcessRequest next)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(next);
        return (connection, request) => first(connection, request) ?? next(connection, request);
    }
}
