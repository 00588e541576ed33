using Gateway.Dataplane.Io.Takeover;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed class TakeoverStateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-takeover-").FullName;

    private string Path => System.IO.Path.Combine(_folder, "run", "takeover.json");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_was_written_is_read_again()
    {
        TakenDevice device = new()
        {
            Name = "wan",
            Index = 7,
            WasUp = true,
            DisableIpv6 = "0",
            HadLargeReceive = true,
            Addresses = [new("192.0.2.1/24", [1, 2, 3])],
            Routes = [new("default via 192.0.2.254", [4, 5])],
        };
        (TakeoverState.Own() with { Devices = [device] }).Write(Path);
        TakenDevice read = Assert.Single(TakeoverState.Read(Path)!.Devices);
        Assert.Equal(("wan", 7, true, "0", true), (read.Name, read.Index, read.WasUp, read.DisableIpv6, read.HadLargeReceive));
        Assert.Equal("192.0.2.1/24", read.Addresses[0].Text);
        Assert.Equal(new byte[] { 1, 2, 3 }, read.Addresses[0].Message);
        Assert.Equal("default via 192.0.2.254", read.Routes[0].Text);
    }

    [Fact]
    public void Only_its_owner_can_read_the_file()
    {
        (TakeoverState.Own() with { Devices = [new() { Name = "wan", Index = 7, WasUp = true }] }).Write(Path);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Path));
    }

    [Fact]
    public void Nothing_taken_leaves_no_file()
    {
        (TakeoverState.Own() with { Devices = [new() { Name = "wan", Index = 7, WasUp = true }] }).Write(Path);
        TakeoverState.Own().Write(Path);
        Assert.False(File.Exists(Path));
        Assert.Null(TakeoverState.Read(Path));
    }

    [Fact]
    public void A_damaged_file_is_not_guessed_about()
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        File.WriteAllText(Path, "{\"version\":1,\"boot_id\":");
        InvalidDataException e = Assert.Throws<InvalidDataException>(() => TakeoverState.Read(Path));
        Assert.Contains(Path, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_process_that_ended_no_longer_holds_it()
    {
        TakeoverState own = TakeoverState.Own();
        Assert.True(own.IsHeld);
        Assert.False((own with { ProcessStart = "1" }).IsHeld);
        Assert.False((own with { ProcessId = int.MaxValue }).IsHeld);
    }
}
