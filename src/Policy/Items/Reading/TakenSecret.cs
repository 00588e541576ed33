using System.Security.Cryptography;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Reading;

/// <summary>A secret's value between its arrival and the vault: prints itself as ***, cannot be serialised, is zeroed on dispose. Its slot is named before it is decided whether it is used.</summary>
public sealed class TakenSecret : IDisposable
{
    private readonly byte[] _value;

    internal TakenSecret(byte[] value) => _value = value;

    /// <summary>The slot that will hold it, drawn at random; never used when the command is refused.</summary>
    public KeyHandle Slot { get; } = Draw();

    /// <summary>Hands the value to the vault, and to nobody else.</summary>
    public TResult Use<TResult>(Func<KeyHandle, ReadOnlySpan<byte>, TResult> use)
    {
        ArgumentNullException.ThrowIfNull(use);
        return use(Slot, _value);
    }

    public void Dispose() => CryptographicOperations.ZeroMemory(_value);

    public override string ToString() => "***";

    private static KeyHandle Draw()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        return new KeyHandle(System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(bytes));
    }
}
