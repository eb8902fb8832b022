using System.Security.Claims;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>
/// Authentication by user name and password, the scheme Basic (RFC 7617): hooks for
/// <see cref="ServerOptions.ProcessRequest"/>. Who is let in finds his name in <see cref="ServerConnection.Username"/>; others
/// are answered with 401, or with 400 when they send the header twice. The scheme protects nothing by itself: use TLS.
/// </summary>
/// <remarks>
/// Names and passwords are compared as bytes of UTF-8, without normalisation: <c>é</c> as one character is not <c>e</c> with an
/// accent. The hooks may be used by any number of connections at once.
/// </remarks>
public static class BasicAuth
{
    private const string Scheme = "Basic";

    /// <summary>Lets one user in.</summary>
    /// <param name="username">The name: no colon, no control characters.</param>
    /// <param name="password">The password: no control characters.</param>
    /// <param name="realm">What is protected, shown to people: printable ASCII, empty by default.</param>
    /// <exception cref="ArgumentException">An argument has a character that it can't have.</exception>
    public static ProcessRequest Create(string username, string password, string realm = "") =>
        Create([new(username, password)], realm);

    /// <summary>Lets some users in, in constant time: made for up to some thousand of them.</summary>
    /// <param name="credentials">
    /// Names and passwords, such as a dictionary; copied. The last of several passwords of a name counts. None lets nobody in.
    /// </param>
    /// <param name="realm">What is protected, shown to people: printable ASCII, empty by default.</param>
    /// <exception cref="ArgumentException">An argument has a character that it can't have.</exception>
    public static ProcessRequest Create(
        IEnumerable<KeyValuePair<string, string>> credentials,
        string realm = ""
    )
    {
        ArgumentNullException.ThrowIfNull(credentials);
        return Create(new CredentialDigests(credentials).Contains, realm);
    }

    /// <summary>Lets in whom a function lets in.</summary>
    /// <param name="checkCredentials">
    /// Given a name and a password, true to let the client in. Called on the connection's thread, so it may take its time. It
    /// should compare in constant time. What it throws is answered with 500.
    /// </param>
    /// <param name="realm">What is protected, shown to people: printable ASCII, empty by default.</param>
    /// <exception cref="ArgumentException">The realm has another character.</exception>
    public static ProcessRequest Create(
        Func<string, string, bool> checkCredentials,
        string realm = ""
    )
    {
        ArgumentNullException.ThrowIfNull(checkCredentials);
        ArgumentNullException.ThrowIfNull(realm);
        var challenge = Authorization.BasicChallenge(realm);
        return (connection, request) =>
        {
            var parsed = Authorization.Basic(request.Headers);
            if (parsed.IsError)
                return Challenge.Refuse(parsed.ErrorValue, challenge);
            var credentials = parsed.ResultValue;
            if (!checkCredentials(credentials.Username, credentials.Password))
                return Challenge.RefuseInvalid(challenge);
            connection.User = ToPrincipal(credentials.Username);
            return null;
        };
    }

    private static ClaimsPrincipal ToPrincipal(string username) =>
        new(new ClaimsIdentity([new Claim(ClaimTypes.Name, username)], Scheme));
}
