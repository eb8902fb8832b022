using System.Buffers;
using BenchmarkDotNet.Attributes;
using FunctionalWs.Protocol;

namespace Core;

/// <summary>Payloads at memory speed: unmasking and validating, beside what the platform does to as many bytes.</summary>
public class Bytes
{
    private const uint Key = 0x37FA213D;

    private byte[] source = [];
    private byte[] destination = [];
    private byte[] text = [];

    /// <summary>How many bytes: in the first cache, in the second, in neither.</summary>
    [Params(125, 64 * 1024, 4 * 1024 * 1024)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Prepare()
    {
        source = new byte[Size];
        new Random(1).NextBytes(source);
        destination = new byte[Size];
        // Characters of one to four bytes in turns.
        var letters = "aé€😀"u8;
        text = new byte[Size / letters.Length * letters.Length];
        for (var i = 0; i < text.Length; i++)
            text[i] = letters[i % letters.Length];
    }

    [Benchmark]
    public void Memcpy() => source.CopyTo(destination, 0);

    [Benchmark]
    public void Masking() => FunctionalWs.Protocol.Masking.Apply(Key, 0, source, destination);

    [Benchmark]
    public bool PlatformUtf8() => System.Text.Unicode.Utf8.IsValid(text);

    [Benchmark]
    public Utf8Result Utf8() => FunctionalWs.Protocol.Utf8.Validate(default, text);
}
