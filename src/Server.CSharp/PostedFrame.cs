using FunctionalWs.Protocol;

namespace FunctionalWs;

/// <summary>A message in one frame that is made for many peers.</summary>
/// <param name="Bytes">The frame, which is not copied.</param>
/// <param name="Opcode">Text or binary.</param>
/// <param name="Size">The size of the message as the application sees it.</param>
internal readonly record struct PostedFrame(ReadOnlyMemory<byte> Bytes, Opcode Opcode, int Size);
