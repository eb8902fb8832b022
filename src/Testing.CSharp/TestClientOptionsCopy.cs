using System.Net;
using FunctionalWs.Protocol;

namespace FunctionalWs.Testing;

/// <summary>Copies of a test client's options with one value changed, for the F# face, which has no <c>with</c> for records of C#.</summary>
internal static class TestClientOptionsCopy
{
    public static TestClientOptions AnswersPings(TestClientOptions options, bool value) =>
        options with
        {
            AnswersPings = value,
        };

    public static TestClientOptions BearerToken(TestClientOptions options, string? value) =>
        options with
        {
            BearerToken = value,
        };

    public static TestClientOptions BufferSize(TestClientOptions options, int value) =>
        options with
        {
            BufferSize = value,
        };

    public static TestClientOptions Compression(
        TestClientOptions options,
        PerMessageDeflate? value
    ) => options with { Compression = value };

    public static TestClientOptions Credentials(
        TestClientOptions options,
        BasicCredentials? value
    ) => options with { Credentials = value };

    public static TestClientOptions Headers(
        TestClientOptions options,
        IReadOnlyList<(string Name, string Value)> value
    ) => options with { Headers = value };

    public static TestClientOptions Network(TestClientOptions options, NetworkConditions? value) =>
        options with
        {
            Network = value,
        };

    public static TestClientOptions Origin(TestClientOptions options, string? value) =>
        options with
        {
            Origin = value,
        };

    public static TestClientOptions RemoteEndPoint(TestClientOptions options, EndPoint? value) =>
        options with
        {
            RemoteEndPoint = value,
        };

    public static TestClientOptions Subprotocols(
        TestClientOptions options,
        IReadOnlyList<string> value
    ) => options with { Subprotocols = value };

    public static TestClientOptions Timeout(TestClientOptions options, TimeSpan value) =>
        options with
        {
            Timeout = value,
        };
}
