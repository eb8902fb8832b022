using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>The answers to clients that are not authenticated, the same for every scheme.</summary>
internal static class Challenge
{
    /// <summary>Refuses what is no credentials of the scheme.</summary>
    public static Response Refuse(AuthorizationError error, string challenge) =>
        error switch
        {
            { IsRepeated: true } => Response.Text(400, "Authorization comes more than once.\n"),
            { IsMissing: true } => Unauthorized("Credentials are missing.\n", challenge),
            _ => Unauthorized("The credentials are not of a supported form.\n", challenge),
        };

    /// <summary>Refuses credentials that are not those of a user.</summary>
    public static Response RefuseInvalid(string challenge) =>
        Unauthorized("The credentials are not valid.\n", challenge);

    private static Response Unauthorized(string text, string challenge) =>
        Response.Text(401, text).WithHeader("WWW-Authenticate", challenge);
}
