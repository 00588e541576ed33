using Gateway.Host.Bus;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class EventCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-checkpoint-").FullName;

    private string File => Path.Combine(_folder, "bus.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Publishing_goes_on_behind_the_last_confirmed_event()
    {
        var journal = await JournalAsync(5, "a");
        Assert.Equal(1, await new EventCheckpoint(File).NextAsync(journal, default));
        new EventCheckpoint(File).Write(3, Hash("a", 3));
        Assert.Equal(4, await new EventCheckpoint(File).NextAsync(journal, default));
        new EventCheckpoint(File).Write(5, Hash("a", 5));
        Assert.Equal(6, await new EventCheckpoint(File).NextAsync(journal, default));
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Fact]
    public async Task Another_journal_is_published_from_its_beginning()
    {
        new EventCheckpoint(File).Write(3, Hash("a", 3));
        Assert.Equal(1, await new EventCheckpoint(File).NextAsync(await JournalAsync(5, "b"), default));
        Assert.Equal(1, await new EventCheckpoint(File).NextAsync(await JournalAsync(2, "a"), default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"position\":")]
    [InlineData("{\"position\":-4,\"hash\":\"00\"}")]
    [InlineData("[]")]
    public async Task A_damaged_checkpoint_means_from_the_beginning(string text)
    {
        await System.IO.File.WriteAllTextAsync(File, text);
        Assert.Equal(1, await new EventCheckpoint(File).NextAsync(await JournalAsync(5, "a"), default));
    }

    private static Octets Hash(string journal, long position) => System.Text.Encoding.UTF8.GetBytes($"{journal}{position}");

    private static async Task<IJournal> JournalAsync(int count, string name)
    {
        var journal = new MemoryJournal();
        var events = Enumerable.Range(1, count).Select(p => new Envelope
        {
            Position = p,
            Subject = "gateway",
            Name = "x.v1",
            Time = DateTimeOffset.UnixEpoch,
            Principal = Principal.Gateway,
            Data = "{}"u8.ToArray(),
            Hash = Hash(name, p),
        });
        await journal.AppendAsync(new AppendBatch([.. events], [], Durability.Synced), default);
        return journal;
    }
}
