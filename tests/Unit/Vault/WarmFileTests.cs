using Gateway.Host.Vault;
using Gateway.Ike.Sa;
using Xunit;

namespace Gateway.Unit.Vault;

public sealed class WarmFileTests : IDisposable
{
    private const int Capacity = 1000;
    private static readonly Guid _boot = Guid.NewGuid();
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-warm-").FullName;

    private string FilePath => Path.Combine(_folder, "warm.neighbors");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_saved_last_is_there_for_the_next_process()
    {
        using (var file = Open())
        {
            Assert.False(file.TryRead(out _, out _));
            file.Write("one"u8, new Timestamp(1));
            file.Write("two"u8, new Timestamp(2));
            file.Write("three"u8, new Timestamp(3));
        }

        using var again = Open();
        Assert.True(again.TryRead(out var content, out var at));
        Assert.Equal("three"u8, content);
        Assert.Equal(new Timestamp(3), at);
        again.Write("four"u8, new Timestamp(4));
        using var third = Open();
        Assert.True(third.TryRead(out content, out _));
        Assert.Equal("four"u8, content);
    }

    [Fact]
    public void On_another_boot_or_in_another_form_it_is_not_read()
    {
        using (var file = Open()) file.Write("old"u8, new Timestamp(1));
        using (var file = new WarmFile(FilePath, 1, 1, Capacity, Guid.NewGuid())) Assert.False(file.TryRead(out _, out _));
        using (var file = new WarmFile(FilePath, 1, 2, Capacity, _boot)) Assert.False(file.TryRead(out _, out _));
        using (var file = new WarmFile(FilePath, 2, 1, Capacity, _boot)) Assert.False(file.TryRead(out _, out _));
        using (var file = Open()) Assert.True(file.TryRead(out _, out _));
    }

    [Fact]
    public void A_write_that_was_cut_off_anywhere_leaves_the_one_before()
    {
        using (var file = Open()) file.Write(Content('a'), new Timestamp(1));
        var before = File.ReadAllBytes(FilePath);
        using (var file = Open())
        {
            file.TryRead(out _, out _);
            file.Write(Content('b'), new Timestamp(2));
        }

        var after = File.ReadAllBytes(FilePath);
        var torn = new byte[Math.Max(before.Length, after.Length)];
        var changed = Enumerable.Range(0, torn.Length).Where(i => i >= before.Length || i >= after.Length || before[i] != after[i]).ToList();
        Assert.NotEmpty(changed);
        for (var cut = changed[0]; cut <= changed[^1]; cut += 7)
        {
            Array.Clear(torn);
            before.CopyTo(torn, 0);
            after.AsSpan(0, cut).CopyTo(torn);
            File.WriteAllBytes(FilePath, torn);
            using var file = Open();
            Assert.True(file.TryRead(out var content, out _), $"cut at {cut}");
            Assert.True(content.AsSpan().SequenceEqual(Content('a')), $"cut at {cut}");
        }
    }

    [Fact]
    public void Neighbors_are_read_as_far_as_they_make_sense_and_never_throw()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        byte[] entry = [.. BitConverter.GetBytes(5000L), 2, 0, 0, 0, 0, 7, 4, 10, 1, 0, 9, 3, .. "lan"u8];
        var whole = entry.Concat(entry).ToArray();
        var two = WarmNeighbors.Parse(whole, 8000);
        Assert.Equal(2, two.Count);
        Assert.Equal(("lan", "10.1.0.9", "020000000007", TimeSpan.FromSeconds(3)), (two[0].Interface, two[0].Address.ToString(), two[0].Mac.ToString(), two[0].SinceConfirmed));
        for (var length = 0; length < whole.Length; length++) Assert.Equal(length / entry.Length, WarmNeighbors.Parse(whole.AsSpan(0, length), 8000).Count);
        for (var i = 0; i < 2000; i++)
        {
            var damaged = whole.ToArray();
            for (var n = random.Next(1, 6); n > 0; n--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            try
            {
                WarmNeighbors.Parse(damaged, 8000);
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}: {e}");
            }
        }
    }

    private static byte[] Content(char of) => [.. Enumerable.Repeat((byte)of, 500)];

    private WarmFile Open() => new(FilePath, 1, 1, Capacity, _boot);
}
