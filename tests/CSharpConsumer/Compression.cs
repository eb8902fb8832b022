using System.Buffers;
using System.IO.Compression;
using System.Net.WebSockets;
using FunctionalWs;
using FunctionalWs.Protocol;

/// <summary>Compression, its settings, and an extension of the user's own around it.</summary>
internal static class Compression
{
    private static readonly string Text = string.Concat(Enumerable.Repeat("again and ", 300));

    public static void Messages() =>
        Session.Run(
            connection =>
            {
                Check.Equal("permessage-deflate", connection.Extensions[0].Name);
                Session.Echo(connection);
            },
            client =>
            {
                client.Send(Text);
                Check.Equal(Text, client.Receive());
                client.Close();
            },
            configure: Offer
        );

    public static void Settings()
    {
        var settings = new PerMessageDeflate
        {
            ServerNoContextTakeover = true,
            ClientNoContextTakeover = true,
            ServerMaxWindowBits = 9,
            ClientMaxWindowBits = 15,
            RequireClientMaxWindowBits = true,
            Level = 1,
            MemoryLevel = 9,
            Strategy = ZLibCompressionStrategy.HuffmanOnly,
            MinSize = 10,
            Filter = (_, kind, data) => kind == MessageKind.Text && data.Length > 0,
            MaxInflateRatio = 200,
            QuietTime = null,
        };
        Check.Equal("permessage-deflate", settings.Name);
        Check.True(settings.ServerNoContextTakeover && settings.ClientNoContextTakeover);
        Check.Equal(24, settings.ServerMaxWindowBits + settings.ClientMaxWindowBits);
        Check.True(settings.RequireClientMaxWindowBits);
        Check.Equal(20, settings.Level + settings.MemoryLevel + settings.MinSize);
        Check.Equal(ZLibCompressionStrategy.HuffmanOnly, settings.Strategy);
        Check.True(settings.Filter is CompressionFilter);
        Check.Equal(200, settings.MaxInflateRatio);
        Check.True(settings.QuietTime is null && settings == settings with { });
        var options = new ServerOptions { Compression = null };
        Check.True(options.Compression is null && options.Extensions.Count == 0);
    }

    public static void OwnExtension()
    {
        var counted = new Counted();
        Session.Run(
            connection =>
            {
                Check.Equal(ReservedBits.Rsv1, connection.Extensions[0].ReservedBit);
                Check.True(connection.Extensions[0].Parameters.Count > 0);
                Session.Echo(connection);
            },
            client =>
            {
                client.Send(Text);
                Check.Equal(Text, client.Receive());
                client.Close();
            },
            new ServerOptions { Extensions = [counted] },
            Offer
        );
        Check.Equal(1, counted.Encoded);
        Check.True(counted.Decoded > 0);
    }

    private static void Offer(ClientWebSocketOptions options) =>
        options.DangerousDeflateOptions = new WebSocketDeflateOptions();

    /// <summary>Compression that counts.</summary>
    private sealed class Counted : IServerExtension
    {
        private readonly PerMessageDeflate compression = new();

        public int Encoded { get; set; }

        public int Decoded { get; set; }

        public string Name => compression.Name;

        public Extension? Negotiate(
            ServerConnection connection,
            IReadOnlyList<ExtensionParameter> offer
        )
        {
            IServerExtension again = new PerMessageDeflate { ServerMaxWindowBits = null };
            Check.Equal(Name, again.Name);
            var agreed =
                compression.Negotiate(connection, offer) ?? again.Negotiate(connection, offer);
            return agreed is null ? null : new Counting(this, agreed);
        }
    }

    private sealed class Counting(Counted counted, Extension inner)
        : Extension(inner.Name, inner.Parameters, inner.ReservedBit)
    {
        public override bool Wants(OutgoingMessage message)
        {
            Check.True(
                message.Kind == MessageKind.Text
                    && !message.IsFragmented
                    && message.Compress is null
            );
            return message.Data.Length > 100 && inner.Wants(message);
        }

        public override void Encode(
            ReadOnlySpan<byte> data,
            bool isLast,
            IBufferWriter<byte> destination
        )
        {
            counted.Encoded++;
            inner.Encode(data, isLast, destination);
        }

        public override ProtocolError? Decode(
            ReadOnlySpan<byte> data,
            bool isLast,
            DecodedData destination
        )
        {
            counted.Decoded++;
            destination.GetSpan().Clear();
            destination.Advance(0);
            return destination.IsFull || !destination.Write([])
                ? Failed("there was no room")
                : inner.Decode(data, isLast, destination);
        }

        public override void Dispose()
        {
            inner.Dispose();
            base.Dispose();
        }
    }
}
