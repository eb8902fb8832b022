using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <content>Values as JSON.</content>
public static partial class Broadcast
{
    /// <summary>Sends a value as a text message in JSON, which is written once for all.</summary>
    /// <param name="connections">To whom; those that are not open are passed over.</param>
    /// <param name="value">The value; null is sent as <c>null</c>.</param>
    /// <param name="type">How it is written, its options too.</param>
    /// <param name="compress">True or false to compress it, or not, for all that can; null to go by their settings.</param>
    /// <returns>Who got it.</returns>
    /// <exception cref="NotSupportedException">The type can't be written. Nothing was sent.</exception>
    /// <exception cref="JsonException">The value can't be, such as one in a cycle. Nothing was sent.</exception>
    public static BroadcastResult Send<T>(
        IEnumerable<ServerConnection> connections,
        T value,
        JsonTypeInfo<T> type,
        bool? compress = null
    )
    {
        var buffer = new PooledBuffer();
        try
        {
            JsonPayload.Write(buffer, value, type);
            Utf8Text.Require(buffer.Written, nameof(value)); // a converter may write anything
            return Send(connections, MessageKind.Text, buffer.Written, compress);
        }
        finally
        {
            buffer.Release();
        }
    }
}
