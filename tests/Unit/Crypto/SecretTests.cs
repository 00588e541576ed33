using System.Text.Json;
using Gateway.Crypto;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class SecretTests
{
    [Fact]
    public void A_secret_holds_its_own_copy_and_compares_by_content()
    {
        byte[] bytes = [1, 2, 3];
        using var secret = Secret.FromBytes(bytes);
        bytes[0] = 9;
        Assert.True(secret.FixedTimeEquals([1, 2, 3]));
        Assert.False(secret.FixedTimeEquals([1, 2]));
        Assert.False(secret.FixedTimeEquals(bytes));
        using var copy = secret.Copy();
        Assert.True(copy.FixedTimeEquals(secret));
        using var part = secret.Slice(1, 2);
        Assert.True(part.FixedTimeEquals([2, 3]));
    }

    [Fact]
    public void A_secret_does_not_print_itself_and_refuses_json()
    {
        using var secret = Secret.FromBytes("swordfish"u8);
        Assert.Equal("***", secret.ToString());
        Assert.Equal("***", $"{secret}");
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(secret));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(new { secret }));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Deserialize<Secret>("{}"));
    }

    [Fact]
    public unsafe void Disposing_zeroes_the_memory_and_ends_the_use()
    {
        var secret = Secret.FromBytes([.. Enumerable.Repeat((byte)0xAA, 64)]);
        fixed (byte* memory = secret.Span)
        {
            secret.Dispose();
            secret.Dispose();
            // The first words belong to the allocator again, or to whoever allocated since; the rest is zero unless taken by someone else.
            Assert.NotEqual(0xAAAA_AAAA_AAAA_AAAA, *(ulong*)(memory + 32));
        }
        Assert.Throws<ObjectDisposedException>(() => secret.Span.Length);
    }

    [Fact]
    public void Secrets_of_every_length_are_zeroed_at_first_and_do_not_overlap()
    {
        int[] lengths = [0, 1, 31, 32, 33, 64, 65, 4095, 4096, 4097, 70000];
        var secrets = lengths.SelectMany(l => Enumerable.Repeat(l, 20)).Select((length, i) => Secret.Create(length, (byte)(i + 1), static (span, value) =>
        {
            Assert.False(span.ContainsAnyExcept((byte)0));
            span.Fill(value);
        })).ToList();
        for (var i = 0; i < secrets.Count; i++) Assert.False(secrets[i].Span.ContainsAnyExcept((byte)(i + 1)));
        secrets.ForEach(s => s.Dispose());
    }
}
