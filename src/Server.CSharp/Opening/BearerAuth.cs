using System.Security.Claims;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Authentication by a token, the scheme Bearer (RFC 6750): hooks for <see cref="ServerOptions.ProcessRequest"/>. Who is let
/// in is in <see cref="ServerConnection.User"/>; others are answered with 401, or with 400 when they send the header twice. The
/// scheme protects nothing by itself: use TLS.
/// </summary>
/// <remarks>The hooks may be used by any number of connections at once.</remarks>
public static class BearerAuth
{
    /// <summary>Lets in whom a function knows by his token.</summary>
    /// <param name="authenticate">
    /// Given a token, whose it is; null when it is not valid. Called on the connection's thread, so it may take its time. A
    /// token is letters, digits, <c>-._~+/</c> and <c>=</c> at its end. What the function throws is answered with 500.
    /// </param>
    /// <param name="realm">What is protected: printable ASCII, empty by default.</param>
    /// <exception cref="ArgumentException">The realm has another character.</exception>
    public static ProcessRequest Create(
        Func<string, ClaimsPrincipal?> authenticate,
        string realm = ""
    )
    {
        ArgumentNullException.ThrowIfNull(authenticate);
        ArgumentNullException.ThrowIfNull(realm);
        var challenge = Authorization.BearerChallenge(realm, isInvalid: false);
        var invalid = Authorization.BearerChallenge(realm, isInvalid: true);
        return (connection, request) =>
        {
            var parsed = Authorization.Bearer(request.Headers);
            if (parsed.IsError)
                return Challenge.Refuse(parsed.ErrorValue, challenge);
            if (authenticate(parsed.ResultValue) is not { } user)
                return Challenge.RefuseInvalid(invalid);
            connection.User = user;
            return null;
        };
    }
}
