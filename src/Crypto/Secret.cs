using System.Buffers;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto;

/// <summary>
/// Key material in locked native memory. It is zeroed on dispose, prints <c>***</c>, and refuses to be serialised.
/// The owner disposes it. There is no finaliser on purpose: a span taken from a secret does not keep it alive,
/// so a collector that zeroed it could do so under a running computation.
/// </summary>
[DebuggerDisplay("***")]
[JsonConverter(typeof(RefusesJson))]
public sealed unsafe class Secret : IDisposable
{
    private nint _memory;

    private Secret(int length)
    {
        Length = length;
        _memory = (nint)LockedMemory.Allocate(length);
    }

    /// <summary>Length in bytes.</summary>
    public int Length { get; }

    /// <summary>The bytes; valid until the secret is disposed.</summary>
    [JsonIgnore]
    public ReadOnlySpan<byte> Span => Writable;

    private Span<byte> Writable
    {
        get
        {
            var memory = _memory;
            ObjectDisposedException.ThrowIf(memory == 0, this);
            return new Span<byte>((void*)memory, Length);
        }
    }

    /// <summary>A copy of the bytes; the caller still owns, and should clear, the source.</summary>
    public static Secret FromBytes(ReadOnlySpan<byte> bytes)
    {
        var secret = new Secret(bytes.Length);
        bytes.CopyTo(secret.Writable);
        return secret;
    }

    /// <summary>A new secret that <paramref name="fill"/> writes in place, so that no copy of it exists elsewhere.</summary>
    public static Secret Create<TState>(int length, TState state, SpanAction<byte, TState> fill)
        where TState : allows ref struct
    {
        var secret = new Secret(length);
        try
        {
            fill(secret.Writable, state);
            return secret;
        }
        catch
        {
            secret.Dispose();
            throw;
        }
    }

    /// <summary>A new, zeroed secret, and the one chance to write it.</summary>
    public static Secret Allocate(int length, out Span<byte> writable)
    {
        var secret = new Secret(length);
        writable = secret.Writable;
        return secret;
    }

    /// <summary>An independent copy with its own life.</summary>
    public Secret Copy() => FromBytes(Span);

    /// <summary>An independent copy of a part.</summary>
    public Secret Slice(int offset, int length) => FromBytes(Span.Slice(offset, length));

    /// <summary>Compares contents; the time depends on the lengths only.</summary>
    public bool FixedTimeEquals(ReadOnlySpan<byte> other) => CryptographicOperations.FixedTimeEquals(Span, other);

    /// <inheritdoc cref="FixedTimeEquals(ReadOnlySpan{byte})"/>
    public bool FixedTimeEquals(Secret other) => FixedTimeEquals(other.Span);

    public override string ToString() => "***";

    public void Dispose()
    {
        var memory = Interlocked.Exchange(ref _memory, 0);
        if (memory != 0) LockedMemory.Free((byte*)memory, Length);
    }

    private sealed class RefusesJson : JsonConverter<Secret>
    {
        public override Secret Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException("A secret is never read from JSON; it enters through the vault.");

        public override void Write(Utf8JsonWriter writer, Secret value, JsonSerializerOptions options) =>
            throw new NotSupportedException("A secret is never serialised.");
    }
}
