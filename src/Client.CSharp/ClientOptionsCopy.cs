using System.Net;
using System.Net.Security;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>As <see cref="ConnectionOptionsCopy"/>, for what clients alone have.</summary>
internal static class ClientOptionsCopy
{
    public static ClientOptions BearerToken(ClientOptions options, string? value) =>
        options with
        {
            BearerToken = value,
        };

    public static ClientOptions Credentials(ClientOptions options, BasicCredentials? value) =>
        options with
        {
            Credentials = value,
        };

    public static ClientOptions Headers(
        ClientOptions options,
        IReadOnlyCollection<KeyValuePair<string, string>> value
    ) => options with { Headers = value };

    public static ClientOptions MaxRedirects(ClientOptions options, int value) =>
        options with
        {
            MaxRedirects = value,
        };

    public static ClientOptions Origin(ClientOptions options, string? value) =>
        options with
        {
            Origin = value,
        };

    public static ClientOptions Proxy(ClientOptions options, IWebProxy? value) =>
        options with
        {
            Proxy = value,
        };

    public static ClientOptions Ssl(ClientOptions options, SslClientAuthenticationOptions? value) =>
        options with
        {
            Ssl = value,
        };

    public static ClientOptions UserAgent(ClientOptions options, string? value) =>
        options with
        {
            UserAgent = value,
        };
}
