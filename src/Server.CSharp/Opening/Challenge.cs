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
            _ => Unauthorized(OtherScheme, challenge),
        };

    /// <summary>Refuses credentials that are not those of a user.</summary>
    public static Response RefuseInvalid(string challenge) =>
        Unauthorized("The credentials are not valid.\n", challenge);

    /// <summary>
    /// The refusals of two schemes as one, in the words of the one to which the credentials belong (RFC 9110 §11.6.1).
    /// </summary>
    public static Response Both(Response first, Response second)
    {
        var (told, other) = IsOfOtherScheme(first) ? (second, first) : (first, second);
        foreach (var challenge in other.Headers.GetAll("WWW-Authenticate"))
            told = told.WithAddedHeader("WWW-Authenticate", challenge);
        return told;
    }

    private static bool IsOfOtherScheme(Response refusal) =>
        refusal.Body.Span.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(OtherScheme));

    private const string OtherScheme = "The credentials are not of a supported form.\n";

    private static Response Unauthorized(string text, string challenge) =>
        Response.Text(401, text).WithHeader("WWW-Authenticate", challenge);
}
