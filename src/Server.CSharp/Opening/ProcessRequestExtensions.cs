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

    /// <summary>
    /// One kind of credentials or another: the second hook is asked when the first answers 401. A client that neither lets in is told of
    /// both: 401 with all their challenges. Such as <c>BasicAuth.Create(…).Or(BearerAuth.Create(…))</c>.
    /// </summary>
    /// <param name="first">Asked for every request; another answer than 401 stands.</param>
    /// <param name="other">Asked about whom the first doesn't know.</param>
    /// <returns>A hook that lets in whom one of them lets in.</returns>
    public static ProcessRequest Or(this ProcessRequest first, ProcessRequest other)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(other);
        return (connection, request) =>
        {
            var refusal = first(connection, request);
            if (refusal is not { StatusCode: 401 })
                return refusal;
            var second = other(connection, request);
            return second is { StatusCode: 401 } ? Challenge.Both(refusal, second) : second;
        };
    }
}
